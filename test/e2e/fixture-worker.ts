import { workerData } from 'node:worker_threads';
import { serveRenders } from '../../mount/render-service.js';
import { fixtureTree, type FixtureFacts } from './fixture-tree.js';

serveRenders(fixtureTree(workerData as FixtureFacts));
