import type { Kernel } from './kernel.js';
import type { Process } from './process.js';

export type TcpState = 'CLOSED' | 'LISTENING' | 'SYN_SENT' | 'SYN_RCVD' | 'ESTABLISHED' | 'FIN_WAIT_1' | 'FIN_WAIT_2' | 'CLOSE_WAIT'
  | 'CLOSING' | 'LAST_ACK' | 'TIME_WAIT' | 'DELETE_TCB' | '***';

/** A TCP or UDP endpoint or listener. Corresponds to tcpip's `_TCP_ENDPOINT`, `_TCP_LISTENER`, `_UDP_ENDPOINT`. */
export interface Endpoint {
  readonly address: bigint;
  readonly protocol: 'TCPv4' | 'TCPv6' | 'UDPv4' | 'UDPv6';
  /** Undefined for UDP. */
  readonly state: TcpState | undefined;
  /** Dotted or RFC 5952 text without brackets; undefined when not known. */
  readonly localAddress: string | undefined;
  readonly localPort: number;
  /** Undefined for listeners and UDP. */
  readonly remoteAddress: string | undefined;
  readonly remotePort: number | undefined;
  readonly pid: number | undefined;
  readonly process: Process | undefined;
  readonly created: bigint | undefined;
  /** `table`: by tcpip's own tables. `scan`: by the pool scan alone (closed, or hidden). */
  readonly source: 'table' | 'scan';
}

/** The endpoints by tcpip's tables, and those that only the pool scan found. `processes` resolves owners. */
export function endpoints(kernel: Kernel, processes: readonly Process[], scanned: readonly bigint[]): readonly Endpoint[] {
  throw new Error(`not built: ${kernel.base} ${processes.length} ${scanned.length}`);
}
