import { SignJWT } from 'jose'

/** A token for the shop itself: it may post in every room, without being a member. */
export const serviceToken = (secret: string): Promise<string> =>
  new SignJWT({ role: 'service' })
    .setProtectedHeader({ alg: 'HS256' })
    .setSubject('shop')
    .setExpirationTime('10m')
    .sign(new TextEncoder().encode(secret))
