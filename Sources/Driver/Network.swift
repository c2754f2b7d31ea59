internal import Glibc
internal import Transfer
internal import Uring

/// The sockets of a run: where to dial, where to listen, and the options of every connection.
struct Network {
  /// Ways to dial, in the order in which they were named; empty for a listener.
  var targets: [Target] = []
  /// The listening socket of a listener.
  var listener: Int32?

  /// TCP's congestion control on every connection; nil for the kernel's choice.
  private let congestionControl: String?

  /// Connections that may wait to be accepted: many come at once when a session starts.
  private static let backlog: Int32 = 1024
  /// How often a port in use is asked for, and the nanoseconds between: one second in all is enough
  /// on a busy machine, and not long for whoever named a wrong port.
  private static let portAttempts = 21
  private static let portPause = 50_000_000
  /// Congestion control on loopback where the user names none: every kernel has it, for everybody.
  private static let loopbackControl = "reno"
  /// As much as a frame: with less a send sleeps several times in each, and the link runs dry.
  ///
  /// More would pile up in a slow connection while a fast one is idle (design.md, section 5).
  private static let notSentByteCount = 256 << 10

  /// Looks up the hosts, or opens the listening socket.
  ///
  /// - Parameters:
  ///   - plan: whom to dial, or where to listen.
  ///   - waiting: told why it takes longer than usual.
  /// - Throws: `StartFailure.network` with a sentence.
  init(_ plan: Plan, waiting: (String) -> Void) throws(StartFailure) {
    congestionControl = plan.congestionControl
    if let name = congestionControl { try CongestionControl.check(name) }
    switch plan.opening {
    case .dial(let hosts):
      targets = try Target.all(
        toward: hosts,
        from: plan.bindings,
        until: Clock.now() + plan.wait.inNanoseconds,
        waiting: waiting
      )
    case .listen(let address, let port):
      listener = try Self.listen(address, port)
    }
  }

  private static func listen(_ address: String?, _ port: UInt16) throws(StartFailure) -> Int32 {
    var addresses = [SocketAddress.any(.v6, port: port), SocketAddress.any(.v4, port: port)]
    if let address {
      do {
        addresses = try SocketAddress.resolve(address, port: port)
      } catch {
        throw .network(error.description)
      }
    }
    var failure = Errno.addressNotAvailable
    for address in addresses {
      do {
        return try Patience.retry(while: .addressInUse, attempts: portAttempts, pause: portPause) {
          () throws(Errno) in try open(address)
        }
      } catch {
        failure = error
        // Without IPv6 the next candidate is IPv4; any other trouble would only repeat itself there.
        if error == .addressInUse || error == .accessDenied { break }
      }
    }
    let place = address.map { "\($0) port \(port)" } ?? "port \(port)"
    let remedy = failure == .addressInUse ? " Is another braid running? Choose another port." : ""
    throw .network("cannot listen at \(place): \(failure).\(remedy)")
  }

  private static func open(_ address: SocketAddress) throws(Errno) -> Int32 {
    let socket = try Socket.tcp(address.family)
    let descriptor = socket.number
    do {
      try Socket.set(.reuseAddress(true), on: descriptor)
      if address.family == .v6 { try Socket.set(.v6Only(false), on: descriptor) }
      try Socket.bind(descriptor, to: address)
      try Socket.listen(descriptor, backlog: backlog)
    } catch {
      try socket.close()
      throw error
    }
    return socket.release()
  }

  /// Makes a socket ready to be bound and connected.
  func makeSocket(for target: Target) throws(Errno) -> Int32 {
    let socket = try Socket.tcp(target.address.family)
    configure(socket.number, peer: target.address)
    // Where the kernel does not permit it, the interface's address has to do.
    if let device = target.device { try? Socket.set(.device(device), on: socket.number) }
    return socket.release()
  }

  /// Sets the options of a connection; one that a kernel does not know is no reason to stop.
  func configure(_ descriptor: Int32, peer: SocketAddress?) {
    try? Socket.set(.noDelay(true), on: descriptor)
    // Loopback is never slow nor congested; there the bound would only cost turns of the loop, and
    // the pacing of bbr a timer for every few segments: a quarter of the rate, measured.
    if peer?.isLoopback != true {
      try? Socket.set(.notSentLowWater(Self.notSentByteCount), on: descriptor)
    }
    if let name = congestionControl ?? (peer?.isLoopback == true ? Self.loopbackControl : nil) {
      try? Socket.set(.congestionControl(name), on: descriptor)
    }
  }
}
