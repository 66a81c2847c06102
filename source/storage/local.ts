import {lookup} from 'node:dns/promises';
import {BlockList, isIP} from 'node:net';
import {networkInterfaces} from 'node:os';

/** Whether a host, a name or an address, is this very machine. A name is, if all it resolves to is. */
export async function isLocal(host: string): Promise<boolean> {
	const addresses = isIP(host) ? [{address: host}] : await lookup(host, {all: true}).catch(() => []);
	const own = ownAddresses();
	const isOwn = ({address}: {address: string}) => own.check(address, isIP(address) === 6 ? 'ipv6' : 'ipv4');
	return addresses.length > 0 && addresses.every(isOwn);
}

function ownAddresses(): BlockList {
	const own = new BlockList();
	own.addSubnet('127.0.0.0', 8, 'ipv4');
	own.addAddress('::1', 'ipv6');
	for (const addresses of Object.values(networkInterfaces())) {
		for (const {address, family} of addresses ?? [])
			own.addAddress(address, family === 'IPv6' ? 'ipv6' : 'ipv4');
	}

	return own;
}
