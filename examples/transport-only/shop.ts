import { startShop } from './start-shop.js'

await startShop(process.env)
