import type { Kernel } from './kernel.js';
import type { Fact, FactReader } from './object-facts.js';
import { jobFacts, keyFacts, portFacts, processObjectFacts, symbolicLinkFacts, threadObjectFacts, tokenFacts } from './object-facts-actors.js';
import { deviceFacts, directoryFacts, driverFacts, fileFacts, sectionFacts } from './object-facts-storage.js';
import { eventFacts, mutantFacts, semaphoreFacts, timerFacts } from './object-facts-waits.js';
import type { ObjectHeader } from './object.js';

/** What bodies mean, by type. */
const READERS: Readonly<Record<string, FactReader>> = {
  'ALPC Port': portFacts, Device: deviceFacts, Directory: directoryFacts, Driver: driverFacts, Event: eventFacts, File: fileFacts, Job: jobFacts, Key: keyFacts,
  Mutant: mutantFacts, Process: processObjectFacts, Section: sectionFacts, Semaphore: semaphoreFacts, SymbolicLink: symbolicLinkFacts, Thread: threadObjectFacts,
  Timer: timerFacts, Token: tokenFacts,
};

/**
 * What an object's body says, by its type; undefined when it is not in the image, none of types that say nothing more than their header.
 * @throws FormatError when it contradicts itself, or the profile does not know its structure
 */
export function objectFacts(kernel: Kernel, header: ObjectHeader): readonly Fact[] | undefined {
  const type = header.type?.name ?? '';
  return Object.hasOwn(READERS, type) ? READERS[type]?.(kernel, header) : [];
}
