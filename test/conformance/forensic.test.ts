import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { DETECTORS } from '../../forensic/detectors.js';
import { createTable } from '../../forensic/schema.js';
import { STAGES } from '../../forensic/stages.js';
import { openDatabase } from '../../native-bindings/sqlite.js';
import { stageFiles } from '../../forensic/run-stage.js';
import { CONTEXT, fakeWindows, temporaryFolder } from '../unit/forensic/fake-model.js';

/** The headings that analysts' scripts know. */
const HEADINGS: Readonly<Record<string, string>> = {
  process: 'PID,PPID,State,ShortName,Name,IntegrityLevel,User,CreateTime,ExitTime,Wow64,EPROCESS,PEB,PEB32,DTB,UserDTB,UserPath,KernelPath,CommandLine,Flag',
  modules: 'PID,Process,Name,Wow64,Size,Start,End,#Imports,#Exports,#Sections,Path,KernelPath,VerCompanyName,VerFileDescription,VerFileVersion,'
    + 'VerInternalName,VerLegalCopyright,VerOriginalFilename,VerProductName,VerProductVersion,PdbPath,PdbAge,PdbHexGUID,PdbSymbolServer',
  threads: 'PID,TID,ETHREAD,State,WaitReason,CreateTime,ExitTime,Running,BasePriority,Priority,ExitStatus,StartAddress,Win32StartAddress,IP,SP,TEB,'
    + 'StackBaseUser,StackLimitUser,StackBaseKernel,StackLimitKernel,TrapFrame,ImpersonationToken',
  handles: 'PID,Handle,Object,Access,Type,Tag,HandleCount,Device,Description',
  drivers: 'Name,ObjectAddress,Size,Start,End,ServiceKey,DriverName,DriverPath',
  net: 'Proto,State,SrcAddr,SrcPort,DstAddr,DstPort,Time,Object,PID,Process,ProcessPath',
  findevil: 'PID,ProcessName,Type,Address,Description',
};

for (const stage of STAGES) {
  test(`stage ${stage.name}: its columns have names of their own and a line of documentation`, () => {
    const names = stage.table.columns.map(({ name }) => name);
    assert.equal(new Set(names).size, names.length);
    for (const { name, doc } of stage.table.columns) {
      assert.match(name, /^[a-z][a-z0-9]*(_[a-z0-9]+)*$/);
      assert.notEqual(doc, '');
    }
  });

  test(`stage ${stage.name}: SQLite takes its table`, () => {
    const database = openDatabase(join(temporaryFolder(), 'db'));
    database.exec(createTable(stage.table));
    const columns = [...database.prepare(`SELECT name FROM pragma_table_info('${stage.table.name}')`).rows()].map(({ name }) => name);
    assert.deepEqual(columns, stage.table.columns.map(({ name }) => name));
    database.close();
  });

  test(`stage ${stage.name}: an image that holds nothing gives no rows`, () => {
    const rows = [...stage.written(fakeWindows(), CONTEXT)].filter((row) => row !== undefined);
    assert.deepEqual(rows, []);
  });

  test(`stage ${stage.name}: its CSV has the headings that scripts know`, () => {
    const heading = stage.csv === undefined ? undefined : HEADINGS[stage.csv];
    if (heading !== undefined) assert.equal(stage.csvHeading, `${heading}\n`);
    else assert.ok(stage.csv === undefined || stage.csv.startsWith('artefact_') || stage.csvHeading.startsWith('PID,'));
  });
}

test('no two stages have a name, table, file or timeline type in common', () => {
  const one = <T>(list: readonly T[]): void => assert.equal(new Set(list).size, list.length, list.join(' '));
  one(STAGES.map(({ name }) => name));
  one(STAGES.map(({ table }) => table.name));
  one(STAGES.flatMap(stageFiles));
  one(STAGES.flatMap(({ timeline }) => (timeline === undefined ? [] : [timeline.type])));
});

for (const detector of DETECTORS) {
  test(`detector ${detector.type}: it says in one sentence what it means, and is silent on an image that holds nothing`, () => {
    assert.match(detector.meaning, /^[A-Z].*\.$/);
    assert.deepEqual([...detector.find(fakeWindows())].filter((one) => one !== undefined), []);
  });
}

test('the detectors are listed worst first, each type once', () => {
  assert.deepEqual(DETECTORS.map(({ severity }) => severity), DETECTORS.map(({ severity }) => severity).sort((a, b) => b - a));
  assert.equal(new Set(DETECTORS.map(({ type }) => type)).size, DETECTORS.length);
});
