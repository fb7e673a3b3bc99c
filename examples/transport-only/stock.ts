import { startStock } from './start-stock.js'

await startStock(process.env)
