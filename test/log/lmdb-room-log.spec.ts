import { roomLogContract } from '../contracts/room-log.contract.js'
import { openLog } from './open-logs.js'

roomLogContract('lmdb', async () => {
  const { log, clock } = await openLog()
  return { log, nowMs: clock.now() }
})
