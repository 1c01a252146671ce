import { hex } from '../../src/bytes/hex.js';
import { ENDPOINTS, endpointText, ownerPath } from '../../src/tables/endpoints.js';
import type { Endpoint } from '../../src/windows/network.js';
import { stage, type TimelineEvent } from '../stage.js';

function* events(endpoint: Endpoint): Generator<TimelineEvent> {
  const { created, pid, address } = endpoint;
  yield { time: created, action: 'CRE', pid: pid ?? 0, value32: 0, value64: address, text: endpointText(endpoint) };
}

export const netStage = stage<Endpoint>({
  name: 'net',
  table: ENDPOINTS,
  waitsForScan: true,
  csv: 'net',
  timeline: { type: 'Net', file: 'net', events },
  json: { file: 'general', line: (endpoint) => ({
    type: 'net', pid: endpoint.pid, proc: endpoint.process?.name, obj: hex(endpoint.address, 16), desc: endpointText(endpoint), desc2: ownerPath(endpoint),
  }) },
  * rows(windows, { step }) {
    const endpoints = windows.endpoints();
    for (const [done, endpoint] of endpoints.entries()) {
      step(done, endpoints.length);
      yield endpoint;
    }
  },
});
