#!/usr/bin/env node
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
await import('../dist/cli/main.js');
