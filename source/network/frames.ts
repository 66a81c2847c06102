import type {Socket} from 'socket.io-client';

type Frame = {type: string; readonly data?: unknown};

/**
 * socket.io-client trusts its server: a frame `0{` or `44` would end this
 * process with an exception that nobody can catch. So frames that no honest
 * server of ours sends are taken away before it looks at them, and told of.
 */
export function guardFrames({io: {engine}}: {readonly io: Socket['io']}, onForeign: () => void): void {
	let isOpen = false;
	engine.on('packet', (packet: Frame) => {
		if (isOpen ? isHonest(packet) : isOpening(packet)) {
			isOpen = true;
			return;
		}

		// Frames that cannot be read at all are one object, shared by all connections, and harmless.
		if (packet.type !== 'error') packet.type = 'noop';
		onForeign();
	});
}

/** First comes the opening of the engine, … */
function isOpening({type, data}: Frame): boolean {
	if (type !== 'open' || typeof data !== 'string' || data.length > 1000) return false;
	try {
		const {sid, upgrades, pingInterval, pingTimeout} = JSON.parse(data);
		if (typeof sid !== 'string' || !Array.isArray(upgrades) || upgrades.length > 0) return false;
		return [pingInterval, pingTimeout].every(ms => Number.isSafeInteger(ms) && ms > 0 && ms <= 60_000);
	} catch {
		return false;
	}
}

/** … then pings, and in messages the connection, its end, and events. */
function isHonest({type, data}: Frame): boolean {
	if (type === 'message') return typeof data === 'string' && /^(?:0\{|1$|2\[)/.test(data);
	return type === 'ping' || type === 'noop' || type === 'close';
}
