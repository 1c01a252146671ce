import assert from 'node:assert/strict';
import { test } from 'node:test';
import { STAGES } from '../../forensic/stages.js';
import { handlesDirectory } from '../../mount/tree/handles.js';
import { memmapDirectory } from '../../mount/tree/memmap.js';
import { modulesDirectory } from '../../mount/tree/modules.js';
import { netDirectory } from '../../mount/tree/net.js';
import { procDirectory } from '../../mount/tree/proc.js';
import { driversDirectory } from '../../mount/tree/drivers.js';
import { threadsDirectory } from '../../mount/tree/threads.js';
import type { Directory } from '../../src/vfs/node.js';
import { machine } from '../support/machine.js';
import { NO_SERVICES } from '../unit/mount/tree/nodes.js';

function heading(directory: Directory, name: string): string {
  const node = directory.lookup(name);
  assert.equal(node?.kind, 'bytes');
  return Buffer.from(node.render()).toString().split('\n')[0] ?? '';
}

test('a text\'s CSV twin has the columns of the pass\'s CSV of the same things', () => {
  const windows = machine().process({ name: 'a.exe', pid: 1004 }).open();
  const process = windows.process(1004) ?? assert.fail();
  const pass = (name: string): string => (STAGES.find((stage) => stage.name === name) ?? assert.fail(name)).csvHeading.trimEnd();
  assert.equal(heading(handlesDirectory(process, NO_SERVICES), 'handles.csv'), pass('handle'));
  assert.equal(heading(threadsDirectory(process), 'threads.csv'), pass('thread'));
  assert.equal(heading(memmapDirectory(process), 'vad.csv'), pass('vad'));
  assert.equal(heading(procDirectory(windows), 'proc.csv'), pass('process'));
  assert.equal(heading(driversDirectory(windows), 'drivers.csv'), pass('driver'));
  assert.equal(heading(netDirectory(windows), 'netstat.csv'), pass('net'));
  const modules = heading(modulesDirectory(process), 'modules-v.csv').split(',');
  // Hashes come behind: the pass does not read every image whole.
  const shared = modules.slice(0, modules.indexOf('TimeDateStamp'));
  assert.deepEqual(pass('module').split(',').slice(0, shared.length), shared);
  assert.equal(heading(modulesDirectory(process), 'unloaded_modules.csv'), 'PID,Process,ModuleName,UnloadTime,Wow64,Size,Start,End');
});
