import {createHmac} from 'node:crypto';
import {describe, expect, test} from '@jest/globals';
import {clientOf, type Handshake, isNonce, isProof, newNonce, proofOf} from '../../source/network/auth.ts';
import {clientPattern, protocolVersion} from '../../source/network/events.ts';

const secret = Buffer.from('a'.repeat(64), 'hex');
const handshake: Handshake = {
	role: 'replica',
	cluster: 'c1',
	replicas: 3,
	rules: 'r1',
	server: 0,
	serverNonce: '0'.repeat(32),
	dialer: 1,
	dialerNonce: '1'.repeat(32),
};

describe('proofs', () => {
	test('each end proves itself, and only itself', () => {
		expect(isProof(proofOf(secret, 'dialer', handshake), secret, 'dialer', handshake)).toBe(true);
		expect(isProof(proofOf(secret, 'server', handshake), secret, 'server', handshake)).toBe(true);
		expect(isProof(proofOf(secret, 'dialer', handshake), secret, 'server', handshake)).toBe(false);
		expect(isProof(proofOf(secret, 'server', handshake), secret, 'dialer', handshake)).toBe(false);
	});

	test('it is HMAC-SHA256 over everything that both ends said', () => {
		const names = ['dialer', 'replica', 0, 1, 'c1', 3, 'r1', '0'.repeat(32), '1'.repeat(32)];
		const facts = ['paxos-chat', protocolVersion, ...names];
		const expected = createHmac('sha256', secret).update(JSON.stringify(facts)).digest('hex');
		expect(proofOf(secret, 'dialer', handshake)).toBe(expected);
	});

	test('another secret, role, id, cluster, rules or nonce makes another proof', () => {
		const proof = proofOf(secret, 'dialer', handshake);
		expect(isProof(proof, Buffer.from('b'.repeat(64), 'hex'), 'dialer', handshake)).toBe(false);
		const others: Partial<Handshake>[] = [
			{role: 'administrator'},
			{server: 2},
			{dialer: 2},
			{dialer: null},
			{cluster: 'c2'},
			{replicas: 5},
			{rules: 'r2'},
			{serverNonce: '2'.repeat(32)},
			{dialerNonce: '2'.repeat(32)},
			{serverNonce: handshake.dialerNonce, dialerNonce: handshake.serverNonce},
		];
		for (const other of others)
			expect(isProof(proof, secret, 'dialer', {...handshake, ...other})).toBe(false);
	});

	test('what is not a proof at all is refused without an error', () => {
		const proof = proofOf(secret, 'dialer', handshake);
		const wrong = [
			undefined,
			null,
			7,
			'',
			[proof],
			{proof},
			proof.slice(1),
			`${proof}0`,
			`${proof}\n`,
			proof.toUpperCase(),
			'é'.repeat(64),
			'0'.repeat(64),
		];
		for (const other of wrong) expect(isProof(other, secret, 'dialer', handshake)).toBe(false);
	});
});

test('nonces are 32 hex digits and never come twice', () => {
	const nonces = Array.from({length: 1000}, newNonce);
	expect(new Set(nonces).size).toBe(1000);
	expect(nonces.every(isNonce)).toBe(true);
	for (const other of [
		undefined,
		null,
		0,
		'',
		'x'.repeat(32),
		'0'.repeat(31),
		'0'.repeat(33),
		['0'.repeat(32)],
	])
		expect(isNonce(other)).toBe(false);
});

test('a client id is the beginning of the SHA-256 of its secret', () => {
	expect(clientOf('abc')).toBe('ba7816bf8f01cfea414140de5dae2223');
	expect(clientOf(newNonce())).toMatch(clientPattern);
});
