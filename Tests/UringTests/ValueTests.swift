// Goal: the values around the ring: errors, addresses, descriptors, options.
// Method: plain values and system calls; no ring needed.
// A failure here means: a wrong address is dialled, or a message misleads.
import Glibc
import Testing

@testable import Uring

@Suite struct ValueTests {
  @Test func `an error has its name and sentence`() {
    #expect(Errno.brokenPipe.name == "EPIPE")
    #expect(Errno.brokenPipe.description == "Broken pipe (EPIPE)")
    #expect(Errno(99_999).name == "E?")
    #expect(Errno(result: -104) == .connectionReset)
    #expect(Errno(result: 0) == nil)
    #expect(Errno(result: .min)?.number == .max)
  }

  @Test func `the error numbers are this system's`() {
    let pairs: [(Errno, Int32)] = [
      (.notPermitted, EPERM), (.noEntry, ENOENT), (.interrupted, EINTR), (.inputOutput, EIO),
      (.badDescriptor, EBADF), (.wouldBlock, EAGAIN), (.noMemory, ENOMEM),
      (.accessDenied, EACCES), (.badAddress, EFAULT), (.exists, EEXIST), (.invalid, EINVAL),
      (.fileTooLarge, EFBIG), (.noSpace, ENOSPC), (.readOnly, EROFS), (.brokenPipe, EPIPE),
      (.noSystemCall, ENOSYS), (.timerExpired, ETIME), (.notSupported, EOPNOTSUPP),
      (.addressInUse, EADDRINUSE), (.addressNotAvailable, EADDRNOTAVAIL),
      (.networkUnreachable, ENETUNREACH), (.connectionAborted, ECONNABORTED),
      (.connectionReset, ECONNRESET), (.noBuffers, ENOBUFS), (.notConnected, ENOTCONN),
      (.timedOut, ETIMEDOUT), (.connectionRefused, ECONNREFUSED),
      (.hostUnreachable, EHOSTUNREACH), (.quotaExceeded, EDQUOT), (.cancelled, ECANCELED),
    ]
    for (error, number) in pairs { #expect(error.number == number) }
  }

  @Test(arguments: [
    ("192.0.2.1", "192.0.2.1:27243"), ("::1", "[::1]:27243"),
    ("2001:db8::5", "[2001:db8::5]:27243"), ("fe80::1%lo", "[fe80::1%lo]:27243"),
    ("::ffff:10.0.0.1", "[::ffff:10.0.0.1]:27243"),
  ])
  func `an address reads back as it was written`(text: String, whole: String) throws {
    let address = try #require(SocketAddress(text, port: 27243))
    #expect(address.host == text)
    #expect(address.description == whole)
  }

  @Test(arguments: ["", "localhost", "1.2.3", "1.2.3.4.5", "::g", "[::1]", "1.2.3.4:5", " 1.2.3.4"])
  func `what is no numeric address is refused`(text: String) {
    #expect(SocketAddress(text, port: 1) == nil)
  }

  @Test func `an address knows its bytes`() throws {
    let four = SocketAddress(v4: 0xc000_0201, port: 80)
    #expect(four.bytes == [192, 0, 2, 1])
    #expect(four.with(port: 81).port == 81)
    let six = try #require(SocketAddress("2001:db8::ff", port: 80))
    #expect(six.bytes.prefix(4) == [0x20, 0x01, 0x0d, 0xb8] && six.bytes.last == 0xff)
    #expect(SocketAddress("127.9.9.9", port: 1)?.isLoopback == true)
    #expect(SocketAddress("::1", port: 1)?.isLoopback == true)
    #expect(SocketAddress("::ffff:127.0.0.1", port: 1)?.isLoopback == true)
    #expect(SocketAddress("10.0.0.1", port: 1)?.isLoopback == false)
  }

  @Test func `names are looked up and failures have a sentence`() throws {
    let local = try SocketAddress.resolve("localhost", port: 5)
    #expect(local.contains { $0.isLoopback && $0.port == 5 })
    try #expect(SocketAddress.resolve("192.0.2.7", port: 9).map(\.description) == ["192.0.2.7:9"])
    let error = #expect(throws: ResolveError.self) {
      try SocketAddress.resolve("no such host", port: 1)
    }
    #expect(error?.description.contains("no such host") == true)
  }

  @Test func `options are taken by a socket`() throws {
    let files = Files()
    defer { files.closeAll() }
    let four = files.keep(try Socket.tcp(.v4).release())
    let options: [SocketOption] = [
      .noDelay(true), .notSentLowWater(128 << 10), .userTimeout(.seconds(20)),
      .quickAcknowledgement(true), .congestionControl("reno"), .maximumSegment(1400),
      .maximumPacingRate(1 << 33), .sendBuffer(1 << 20), .receiveBuffer(1 << 40),
      .receiveLowWater(64 << 10), .reuseAddress(true), .resetOnClose(true), .resetOnClose(false),
    ]
    for option in options { try Socket.set(option, on: four) }
    let six = files.keep(try Socket.tcp(.v6).release())
    try Socket.set(.v6Only(true), on: six)
    #expect(throws: Errno.noEntry) { try Socket.set(.congestionControl("none such"), on: four) }
    #expect(throws: Errno.notConnected) { try Socket.remoteAddress(four) }
    #expect(throws: Errno.notConnected) { try Socket.shutdown(four, .both) }
    #expect(throws: Errno.badDescriptor) { try Socket.information(-1) }
    #expect(Socket.pendingError(-1) == .badDescriptor)
  }

  @Test func `a setup error names the cause and the remedy`() {
    #expect(RingSetupError(setup: .noSystemCall) == .notInKernel)
    #expect(RingSetupError(setup: .invalid) == .other(.invalid))
    let disabled = RingSetupError.disabledBySysctl(value: 2).description
    #expect(disabled.contains("sysctl kernel.io_uring_disabled=0"))
    let errors: [RingSetupError] = [
      .disabledBySysctl(value: 1), .blockedBySandbox(.notPermitted), .notInKernel,
      .lockedMemoryLimit(limitBytes: 65536), .noMemory(byteCount: 1 << 30, .noMemory),
      .other(.invalid),
    ]
    for error in errors {
      #expect(error.description.hasSuffix(".") || error.description.hasSuffix("=0"))
      #expect(!error.description.contains("\n"))
    }
  }

  @Test func `a descriptor is closed once and by its owner`() throws {
    let number = try Socket.tcp(.v4).release()
    try OwnedDescriptor(adopting: number).close()
    #expect(throws: Errno.badDescriptor) { try OwnedDescriptor(adopting: 1_000_000).close() }
  }

  @Test func `dropping a descriptor unclosed traps`() async {
    await #expect(processExitsWith: .failure) {
      _ = OwnedDescriptor(adopting: 1_000_000)
    }
  }

  @Test func `byte counts read well`() {
    #expect(byteCountText(8 << 20) == "8 MiB")
    #expect(byteCountText(80 << 10) == "80 KiB")
    #expect(byteCountText(1000) == "1000 bytes")
    #expect(byteCountText(0) == "0 bytes")
    #expect(byteCountText(.max) == "unlimited")
  }
}
