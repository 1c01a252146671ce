// Makes data/profiles.json.br, the bundled kernel layouts and symbols.
//
//   node data/build-profiles.mjs KERNELS.json TCPIP.json
//
// Both inputs are extracts of JPCERTCC/Windows-Symbol-Tables (BSD-3-Clause), numbers only: structures with bit fields and
// symbol addresses of 213 x64 kernels, Windows 7 SP1 to 11 21H2, and the table addresses of 85 builds of tcpip.sys.
// The output is the same bytes for the same inputs.
import { readFileSync, writeFileSync } from 'node:fs';
import { brotliCompressSync, constants } from 'node:zlib';

const [kernelsPath, tcpipPath] = process.argv.slice(2);
if (kernelsPath === undefined || tcpipPath === undefined) {
  console.error('usage: node data/build-profiles.mjs KERNELS.json TCPIP.json');
  process.exit(2);
}
const kernels = JSON.parse(readFileSync(kernelsPath, 'utf8'));
const tcpip = JSON.parse(readFileSync(tcpipPath, 'utf8'));
// Each layout and each list of addresses is a string of JSON of its own: a reader parses the one kernel's, not all.
const packed = {
  ...kernels,
  structs: Object.fromEntries(Object.entries(kernels.structs).map(([name, variants]) => [name, variants.map((variant) => JSON.stringify(variant))])),
  kernels: kernels.kernels.map(([id, version, machine, layoutSet, rvas]) => [id, version, machine, layoutSet, JSON.stringify(rvas)]),
  tcpip,
};
const bytes = Buffer.from(JSON.stringify(packed));
writeFileSync(new URL('profiles.json.br', import.meta.url), brotliCompressSync(bytes, { params: {
  [constants.BROTLI_PARAM_QUALITY]: 11, [constants.BROTLI_PARAM_LGWIN]: 24, [constants.BROTLI_PARAM_SIZE_HINT]: bytes.length,
} }));
console.log(`${kernels.kernels.length} kernels, ${tcpip.length} tcpip builds, ${bytes.length} bytes`);
