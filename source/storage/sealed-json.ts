import {createHash} from 'node:crypto';

const checksumOf = (text: string) => createHash('sha256').update(text).digest('hex');

/** An object as a line of JSON that ends in a checksum over all the rest of it. */
export const sealJson = (data: object): string =>
	`${JSON.stringify({...data, checksum: checksumOf(JSON.stringify(data))})}\n`;

/** Undefined unless each byte is as it was written: a name or a number with a bit turned is a name or a number, too. */
export function unsealJson(text: string): Readonly<Record<string, unknown>> | undefined {
	try {
		const {checksum: _checksum, ...data} = JSON.parse(text);
		return sealJson(data) === text ? data : undefined;
	} catch {
		return undefined;
	}
}
