/** The `NestwireClient` of the stock service. */
export const STOCK = Symbol('stock')
