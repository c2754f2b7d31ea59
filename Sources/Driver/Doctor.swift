public import Links
internal import Uring

/// Finds the ways to a host by name, for `braid doctor`.
public enum Doctor {
  /// The links toward each address of a host that has a route; the others are of no use.
  ///
  /// - Throws: `StartFailure.network` if the name is unknown, or there is no route to any address.
  public static func ways(to host: Plan.Host) throws(StartFailure) -> [Topology] {
    let addresses: [SocketAddress]
    do {
      addresses = try SocketAddress.resolve(host.name, port: host.port)
    } catch {
      throw .network(error.description)
    }
    var failure = "\(host.name) has no address"
    var ways: [Topology] = []
    for address in addresses {
      guard let peer = IPAddress(bytes: address.bytes) else { continue }
      do {
        let scope = address.scope == 0 ? nil : address.scope
        ways.append(try Topology.toward(peer: peer, peerPort: host.port, boundInterface: scope))
      } catch {
        failure = "cannot look up the way to \(peer): \(error)"
      }
    }
    if ways.isEmpty { throw .network(failure) }
    return ways
  }
}
