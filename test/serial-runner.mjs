import {createRequire} from 'node:module';

const {default: Runner} = createRequire(import.meta.url)('jest-runner');

/** Runs one test file after the other, whatever others do. */
export default class SerialRunner extends Runner {
	isSerial = true;
}
