import { MemoryStateStore } from '../../src/log/memory-state-store.js'
import { stateStoreContract } from '../contracts/state-store.contract.js'

stateStoreContract('memory', async () => new MemoryStateStore())
