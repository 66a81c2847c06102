import type {Request, Value} from './types.ts';

/** The name of a request, however often it is sent. */
export const keyOf = ({client, session, sequence}: Request): string => `${client}/${session}/${sequence}`;

/** About how many bytes a request takes in a message: its text, and a constant for the rest. */
const sizeOfRequest = (request: Request): number => request.text.length + 100;

export function sizeOf(value: Value): number {
	let size = 50;
	for (const request of value.requests) size += sizeOfRequest(request);
	return size;
}

/** Takes a batch from the head of the queue: at least one, and no more than fit. */
export function takeBatch(queue: Request[], batchRequests: number, batchBytes: number): Request[] {
	let count = 0;
	for (let size = 0; count < Math.min(queue.length, batchRequests) && size < batchBytes; count++) {
		size += sizeOfRequest(queue[count]!);
	}

	return queue.splice(0, count);
}

/** Two values are one if they say the same; seldom asked, so it may be slow. */
export const isSame = (one: Value, other: Value): boolean =>
	one === other || JSON.stringify(one) === JSON.stringify(other);
