#!/usr/bin/env node
import module from 'node:module';
import {fileURLToPath} from 'node:url';

// Says in one line what is missing, before any import can fail in many.
const major = Number(process.versions.node.split('.')[0]);
if (major < 22) {
	process.stderr.write(
		`paxos-chat: needs Node 22 or later, this is ${process.versions.node}: run it with \`npm start\` or \`npx paxos-chat\` after \`npm ci\`\n`,
	);
	process.exit(2);
}

// React's development build is slower and keeps a record of every frame.
process.env.NODE_ENV ??= 'production';
// What was compiled once is kept for the next start, of the replicas too. Beside the code, and not in a
// directory for everybody: whoever can write there can write the code as well.
process.env.NODE_COMPILE_CACHE ??= fileURLToPath(
	new URL('../node_modules/.cache/paxos-chat', import.meta.url),
);
module.enableCompileCache?.(process.env.NODE_COMPILE_CACHE);
await import('../dist/cli/main.js');
