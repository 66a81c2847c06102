import type {Address} from '../../source/cluster.ts';
import {Place} from './rooms-of-test.ts';

/** One replica's rooms in a process of their own, to be killed. Arguments: its id, and all addresses as JSON. */
const [id, addresses] = process.argv.slice(2) as [string, string];
const all = JSON.parse(addresses) as Address[];
const place = await Place.at(Number(id), all[Number(id)]!.port);
place.open(all);
