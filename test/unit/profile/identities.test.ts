import assert from 'node:assert/strict';
import { test } from 'node:test';
import { bundledProfile, exactKernels } from '../../../src/profile/bundled.js';
import { identityData, kernelIdentity, type KernelIdentity } from '../../../src/profile/identities.js';
import { layoutProfiles } from '../../../src/profile/layouts.js';
import { MACHINE } from '../../../src/profile/machine.js';

const none = (): undefined => undefined;

function identities(): readonly { readonly machine: number; readonly identity: KernelIdentity }[] {
  return identityData().rows.map((row) => {
    const [machine, , , timestamp, size] = row.split('|').map(Number);
    const identity = kernelIdentity(machine!, timestamp!, size!);
    assert.ok(identity !== undefined, row);
    return { machine: machine!, identity };
  });
}

test('a kernel file is known by machine, timestamp and size, and by nothing less', () => {
  const known = kernelIdentity(MACHINE.x64, 1436498970, 8724480);
  assert.equal(known?.version, '10.0.10240.16384');
  assert.equal(known?.file, 'ntoskrnl.exe');
  assert.equal(known?.fields['_EPROCESS.ObjectTable'], 1048);
  assert.equal(kernelIdentity(MACHINE.arm64, 1436498970, 8724480), undefined);
  assert.equal(kernelIdentity(MACHINE.x64, 1436498970, 8724481), undefined);
  assert.equal(kernelIdentity(MACHINE.x64, 0, 0), undefined);
});

test('no two kernel files share machine, timestamp and size', () => {
  const keys = identityData().rows.map((row) => { const [machine, , , timestamp, size] = row.split('|'); return `${machine} ${timestamp} ${size}`; });
  assert.equal(new Set(keys).size, keys.length);
});

test('kernels for five-level paging decode handles by other shifts', () => {
  const shifts = new Map(identities().map(({ identity: { file, fields } }) => [file, fields['ObDecodeShift']]));
  assert.deepEqual([shifts.get('ntoskrnl.exe'), shifts.get('ntkrla57.exe')], [20, 11]);
});

test('the offsets published for kernel files are those of the layouts chosen for them', () => {
  let compared = 0;
  const nearest = new Map<string, ReturnType<ReturnType<typeof layoutProfiles>['next']>>();
  for (const { machine, identity: { version, fields } } of identities()) {
    const [, , build = 0, revision = 0] = version.split('.').map(Number);
    // Insider builds of 29531 and later move parts of `_ALPC_PORT`; what lies between releases has the layouts of neither.
    if (revision === 1000 || revision < 2 || build < 10240 || build > 28000) continue;
    const key = `${machine} ${version}`;
    if (!nearest.has(key)) nearest.set(key, layoutProfiles({ machine, build, revision }, none).next());
    const profile = nearest.get(key)?.value;
    assert.ok(profile !== undefined, key);
    for (const [path, offset] of Object.entries(fields)) {
      const [struct = '', ...rest] = path.split('.');
      const field = profile.field(struct, rest.join('.'));
      if (field === undefined) continue;
      compared += 1;
      assert.equal(field.offset, offset, `${path} of ${version} in ${profile.label}`);
    }
  }
  assert.ok(compared > 50_000, `${compared} compared`);
});

test('the addresses published for kernel files are those of the exact kernels', () => {
  const exact = new Map(exactKernels().kernels.map(([id, version]) => [version, bundledProfile(id)!]));
  let compared = 0;
  for (const { identity } of identities()) {
    const profile = identity.file === 'ntoskrnl.exe' ? exact.get(identity.version) : undefined;
    for (const name of identityData().addressNames) {
      const [one, other] = [identity.symbol(name), profile?.symbol(name)];
      if (one === undefined || other === undefined) continue;
      compared += 1;
      assert.equal(one, other, `${name} of ${identity.version}`);
    }
  }
  assert.ok(compared > 500, `${compared} compared`);
});
