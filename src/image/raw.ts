import type { Format } from './image.js';

/** Physical memory from address 0 on, byte for byte, gaps filled in: `dd`, `.raw`, `.mem`, `.img`. Anything that no other format claims. */
export const RAW: Format = {
  name: 'raw',
  recognise: (_, size) => ({
    layout: [{ start: 0, length: size, offset: 0 }],
    reason: 'no other container was recognised, so file offsets are taken as physical addresses',
  }),
};
