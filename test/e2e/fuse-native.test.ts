import { mountCases } from './mount-cases.js';

mountCases('fuse-native');
