import { mountCases } from './mount-cases.js';
import { noMount } from './mounted.js';

mountCases('device', noMount() ?? (process.getuid?.() === 0 ? undefined : 'mount(8) without fusermount needs root'));
