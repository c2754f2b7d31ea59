import Wire

/// What one link did for a session, for the user.
public struct LinkUse: Equatable, Sendable {
  /// The interface's name at its host.
  public var name: String
  /// Bytes on the wire in the direction of the stream, since the session began.
  public var byteCount: UInt64
  /// Speed in bit/s; nil where unknown.
  public var bitsPerSecond: UInt64?
  /// Connections that it carried when last the data moved; nil where that is not known.
  public var connectionCount: Int?
}

// What the links did, at both ends, told at the end and between the two hosts.
extension Session {
  /// What each link has done since the session began, here and there.
  public var linkReport: (local: [LinkUse], remote: [LinkUse]) {
    let isSender = options.role == .sender
    let local = connectionCounts(\.local, linkCount: localLinks.count)
    let remote = connectionCounts(\.remote, linkCount: remoteLinks.count)
    return (
      uses(firstLocalLinks, localLinks, isSent: isSender, connectionCounts: local),
      uses(firstRemoteLinks, remoteLinks, isSent: !isSender, connectionCounts: remote)
    )
  }

  /// Names of links that stayed idle while others were busy, whatever was tried.
  public var idleLinks: (local: [String], remote: [String]) {
    (
      watch.unmended.local.compactMap { name($0, localLinks) },
      watch.unmended.remote.compactMap { name($0, remoteLinks) }
    )
  }

  private func uses(
    _ first: [LinkStatus],
    _ last: [LinkStatus],
    isSent: Bool,
    connectionCounts: [Int]?
  ) -> [LinkUse] {
    last.indices.map { index in
      let link = last[index]
      let start = first.indices.contains(index) ? first[index] : link
      let byteCount =
        isSent
        ? link.sentByteCount &- start.sentByteCount
        : link.receivedByteCount &- start.receivedByteCount
      // What the peer says of its own links fills in what cannot be seen from here.
      let told = last.contains { $0.connectionCount > 0 } ? Int(link.connectionCount) : nil
      return LinkUse(
        name: link.name,
        byteCount: byteCount,
        bitsPerSecond: link.bitsPerSecond > 0 ? link.bitsPerSecond : nil,
        connectionCount: connectionCounts?[index] ?? told
      )
    }
  }

  /// Connections on each link of one end; nil if the link of any is unknown.
  private func connectionCounts(
    _ side: KeyPath<Spread.Crossing, Int?>,
    linkCount: Int
  ) -> [Int]? {
    if linkCount == 1 { return [carriers.count] }
    var counts = [Int](repeating: 0, count: linkCount)
    for carrier in carriers {
      guard let link = carrier[keyPath: side], counts.indices.contains(link) else { return nil }
      counts[link] += 1
    }
    return counts
  }

  /// Whether there is anything to tell of links, at either end.
  var hasSeveralLinks: Bool { localLinks.count > 1 || remoteLinks.count > 1 }

  /// Remembers who carries the data: at the end the connections are gone.
  mutating func noteCarriers() {
    guard isReceiving, gathering?.step ?? .done == .done else {
      return
    }
    carriers = connections.filter { $0.state == .joined }.map(\.crossing)
    notePeak()
  }

  /// Counts those who carry the data; also before one of them is lost, which may be the last.
  mutating func notePeak() {
    guard isReceiving, gathering?.step ?? .done == .done else { return }
    let count = connections.count { $0.state == .joined }
    statistics.memberPeak = max(statistics.memberPeak, count)
  }

  /// Reads the counters a last time, where there is anything to tell.
  mutating func lookAtLinksFinally() {
    noteCarriers()
    guard hasSeveralLinks || options.bench != nil else { return }
    finalLook = lookCount + 1
    actions.append(.lookAtLinks)
  }

  /// Tells the peer the last counters, before the last word on a connection.
  ///
  /// - Returns: whether the last word has to wait.
  mutating func sendFinalStatus(_ id: ConnectionID, at now: Instant) -> Bool {
    guard let finalLook, !connections[id.index].finalStatusSent else {
      return false
    }
    // The look is answered in this turn, and the sends are gone through again then.
    guard lookCount >= finalLook else { return true }
    connections[id.index].finalStatusSent = true
    composeStatus(id, answering: 0, at: now)
    return true
  }

  mutating func composeStatus(_ id: ConnectionID, answering number: UInt32, at now: Instant) {
    statusSentAt = now
    countersTold = localLinks.map(\.receivedByteCount)
    var links = localLinks
    if let counts = connectionCounts(\.local, linkCount: links.count) {
      for index in links.indices { links[index].connectionCount = UInt16(clamping: counts[index]) }
    }
    let payload = LinkStatus.encode(links)
    let header = FrameHeader(
      .status,
      length: UInt32(payload.count),
      number: options.bench == nil ? 0 : processorMicroseconds,
      value: XXH64.hash(payload.span),
      detail: number
    )
    compose(id, header, payload: payload, at: now)
  }
}
