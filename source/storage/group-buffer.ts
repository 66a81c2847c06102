import {headerBytes} from './group.ts';

const usualBytes = 1 << 18;
/** One that had to grow beyond this is not used again. */
const keptBytes = 1 << 22;

/**
 * A group as it gathers: room for its header, and then its text. Text that
 * waits for a slow disk is here and not in the heap of JavaScript, which is
 * small, and where it would stand once more in one piece when it is written.
 */
export class GroupBuffer {
	bytes = Buffer.allocUnsafe(usualBytes);
	/** Of header and text. */
	length = headerBytes;

	put(text: string): void {
		// No character takes more than three bytes for each of its code units.
		const most = this.length + text.length * 3;
		if (most > this.bytes.length) {
			const larger = Buffer.allocUnsafe(Math.max(most, 2 * this.bytes.length));
			this.bytes.copy(larger, 0, 0, this.length);
			this.bytes = larger;
		}

		this.length += this.bytes.write(text, this.length, 'utf8');
	}

	/** The same without its text; undefined if it is better let go. */
	emptied(): GroupBuffer | undefined {
		this.length = headerBytes;
		return this.bytes.length > keptBytes ? undefined : this;
	}
}
