import {Client} from '../source/client/client.ts';
import {readCluster} from '../source/cluster.ts';

/** Follows the feed, as a screen would, and counts the lines. */
const client = new Client({cluster: readCluster(process.argv[2]!), via: 2, follow: 'now'});
process.once('SIGTERM', () => {
	client.close();
	process.exit(0);
});
