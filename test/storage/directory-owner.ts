/** A process for a test to kill: owns a replica directory, and says so. */
import {openReplicaDirectory} from '../../source/storage/directory.ts';

const replicas = [0, 1, 2].map(id => ({id, host: '127.0.0.1', port: 7100 + id, bind: '127.0.0.1'}));
await openReplicaDirectory({data: process.argv[2] ?? '', id: 0, cluster: {replicas}});
console.log('mine');
setInterval(() => {}, 1000);
