import { workerData } from 'node:worker_threads';
import { openHiveTree } from './hive-tree.js';
import type { HiveBytes } from './open-hives.js';
import { serveRenders } from './render-service.js';

serveRenders(openHiveTree(workerData as readonly HiveBytes[]));
