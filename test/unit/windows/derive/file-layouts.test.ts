import assert from 'node:assert/strict';
import { test } from 'node:test';
import { stableStructs } from '../../../../src/windows/derive/stable-layouts.js';
import { familyProfile, WINDOWS } from '../../../support/families.js';

const STRUCTS = ['_FILE_OBJECT', '_SECTION_OBJECT_POINTERS', '_SEGMENT', '_SUBSECTION', '_SHARED_CACHE_MAP', '_VACB', '_DEVICE_OBJECT'];

for (const { name, build, modes } of WINDOWS) {
  test(`${name}: what leads to a file's content lies where the layouts without symbols say`, () => {
    for (const mode of modes) {
      const profile = familyProfile(build, mode);
      const filePointer = profile.need('_CONTROL_AREA', 'FilePointer').offset;
      const stable = stableStructs({ pointerSize: profile.pointerSize, build, filePointer });
      let compared = 0;
      for (const struct of STRUCTS) {
        if (profile.sizeOf(struct) === undefined) continue;
        for (const [path, offset] of stable[struct]?.[1] ?? []) {
          assert.equal(offset, profile.field(struct, path)?.offset, `${mode} ${struct}.${path}`);
          compared += 1;
        }
      }
      assert.ok(compared >= 20, `${mode}: ${compared} members`);
      const image = stable['_CONTROL_AREA']?.[1].find(([path]) => path === 'u.Flags.Image');
      const known = profile.need('_CONTROL_AREA', 'u.Flags.Image');
      assert.deepEqual([image?.[1], image?.[2]], [known.offset, `unsigned long:${known.bits?.join()}`], mode);
      assert.ok((stable['_CONTROL_AREA']?.[0] ?? 0) <= (profile.sizeOf('_CONTROL_AREA') ?? 0), 'the size is the least');
    }
  });
}
