/** How far the time of day jumps, in milliseconds: forth and back again, and back and forth again, and so on. */
export const jumpsMs: readonly number[] = [3_600_000, -3_600_000, -3_600_000, 3_600_000];
/** The next jump, now. Nobody else listens for it: the program leaves at all signals that are meant to end it. */
export const jumpSignal = 'SIGURG';

const code = `
const clock = Date.now;
const jumps = ${JSON.stringify(jumpsMs)};
let count = 0;
let shift = 0;
Date.now = () => clock() + shift;
process.on('${jumpSignal}', () => { shift += jumps[count++ % jumps.length]; });
`;

/** NODE_OPTIONS of a process whose time of day jumps at a signal. Its timers do not, as with a clock that somebody sets. */
export const jumpingClock = `--import=data:text/javascript,${encodeURIComponent(code)}`;
