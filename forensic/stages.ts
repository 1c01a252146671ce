import type { Stage } from './stage.js';
import { ARTEFACT_STAGES } from './stages/artefacts.js';
import { driverStage } from './stages/driver.js';
import { findEvilStage } from './stages/findevil.js';
import { handleStage } from './stages/handle.js';
import { moduleStage } from './stages/module.js';
import { netStage } from './stages/net.js';
import { processStage } from './stages/process.js';
import { registryStage } from './stages/registry.js';
import { threadStage } from './stages/thread.js';
import { vadStage } from './stages/vad.js';

/** All stages, in the order in which they run, as far as they need not wait for the pool scan: what analysts read first comes first. */
export const STAGES: readonly Stage[] = [
  processStage, netStage, driverStage, threadStage, findEvilStage, moduleStage, vadStage, handleStage, registryStage,
  ...ARTEFACT_STAGES,
];
