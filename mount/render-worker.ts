import { workerData } from 'node:worker_threads';
import { serveRenders } from './render-service.js';
import { openTree, type TreeFacts } from './tree/root.js';

serveRenders(openTree(workerData as TreeFacts));
