/** What came of TLS handshakes since the start. Plain numbers, for whoever wants to know; only `TlsDoor` writes them. */
export class TlsCounters {
  /** Handshakes that have begun and are not over; the one number here that also falls. */
  underWay = 0
  /** Handshakes that led to a connection, resumed ones included. */
  secured = 0
  /** Of those: with the ticket of an earlier one, which spares certificates and signatures. */
  resumed = 0
  /** Ended by either side: no common version, garbage, a client that does not trust us, a hang-up. */
  failed = 0
  /** Cut at the handshake deadline, or after a second to make room when `maxTlsHandshakes` were under way. */
  timedOut = 0
  /** Cut when `maxTlsHandshakes` were under way, for somebody whose address held fewer. */
  gaveWay = 0
  /** Not TLS: told so in a plain CLOSE. */
  plainText = 0
  /** Came to a connection, which was closed: no client certificate, or not one that we accept. */
  certificatesRefused = 0
}
