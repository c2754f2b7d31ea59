internal import Glibc

/// A descriptor with exactly one owner.
///
/// Letting it go out of scope unclosed traps: a leaked socket is a connection that never ends.
public struct OwnedDescriptor: ~Copyable {
  /// The descriptor's number, for the kernel.
  public let number: Int32
  private var isOwned = true

  /// Takes over a descriptor that the kernel returned.
  ///
  /// - Precondition: `number` is not negative, and nobody else closes it.
  public init(adopting number: Int32) {
    precondition(number >= 0, "not a descriptor")
    self.number = number
  }

  deinit {
    precondition(!isOwned, "a descriptor was dropped without being closed or released")
  }

  /// Closes the descriptor.
  ///
  /// The number is free afterwards, also when this throws. A socket that is still in a ring's table
  /// stays open: empty its place first.
  /// - Throws: what close(2) reports, such as a late write error of a network file system.
  public consuming func close() throws(Errno) {
    isOwned = false
    // EINTR is no failure: Linux has closed the descriptor then, see close(2).
    if Glibc.close(number) != 0, errno != EINTR { throw Errno(errno) }
  }

  /// Gives up ownership; whoever takes the number closes it.
  public consuming func release() -> Int32 {
    isOwned = false
    return number
  }
}
