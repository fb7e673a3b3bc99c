import { CloseCode } from '../protocol/close-codes.js'
import type { ConnectionHandle } from '../transport/connection-handle.js'

/**
 * What happens to a member whose outbox has no room for a frame that it must not miss: the connection is closed and may
 * come back to read on. The one place that decides it. Nobody else is slowed.
 */
export function offerOrClose(connection: ConnectionHandle, frame: Buffer): void {
  if (connection.offer(frame) === 'full') connection.close(CloseCode.SlowConsumer, 'reads slower than its rooms write')
}
