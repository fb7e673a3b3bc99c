/** Addresses whose connections are counted by no address: balancers, and networks that many share behind one address. */
import { BlockList, isIPv6 } from 'node:net'
import { Injectable } from '@nestjs/common'
import { Settings } from '../config/settings.js'

@Injectable()
export class TrustedAddresses {
  private ranges: readonly string[] = []
  private list = new BlockList()

  constructor(private readonly settings: Settings) {}

  has(address: string): boolean {
    const { trustedAddresses } = this.settings.current.abuse
    if (trustedAddresses !== this.ranges) {
      this.ranges = trustedAddresses
      this.list = listOf(trustedAddresses)
    }
    if (trustedAddresses.length === 0) return false
    // The list knows what is mapped into IPv6 as IPv4.
    return this.list.check(address, isIPv6(address) ? 'ipv6' : 'ipv4')
  }
}

function listOf(ranges: readonly string[]): BlockList {
  const list = new BlockList()
  for (const range of ranges) {
    const [address = '', bits] = range.split('/')
    const family = isIPv6(address) ? 'ipv6' : 'ipv4'
    if (bits === undefined) list.addAddress(address, family)
    else list.addSubnet(address, Number(bits), family)
  }
  return list
}
