import type { Detector } from './detector.js';
import { driverPath } from './findevil/driver-path.js';
import { noImageRwx } from './findevil/noimage-rwx.js';
import { peInject } from './findevil/pe-inject.js';
import { peNoLink } from './findevil/pe-nolink.js';
import { pePatched } from './findevil/pe-patched.js';
import { pebMasq } from './findevil/peb-masq.js';
import { privateRwx } from './findevil/private-rwx.js';
import { procBaseAddress } from './findevil/proc-baseaddr.js';
import { procDebug } from './findevil/proc-debug.js';
import { procNoLink } from './findevil/proc-nolink.js';
import { procParent } from './findevil/proc-parent.js';
import { procUser } from './findevil/proc-user.js';
import { threadStart } from './findevil/thread.js';

/** All detectors, worst first. */
export const DETECTORS: readonly Detector[] = [
  peInject, procNoLink, procParent, procUser, procBaseAddress, pebMasq, driverPath, procDebug, threadStart, peNoLink, pePatched, privateRwx, noImageRwx,
];
