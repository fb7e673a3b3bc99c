/** Transport id: `@MessagePattern('x', NESTWIRE_TRANSPORT)` binds a handler to Nestwire only, in hybrid applications too. */
export const NESTWIRE_TRANSPORT = Symbol('nestwire')
