internal import Glibc
internal import Uring

/// The three descriptors that a process is born with.
public enum StandardStreams {
  /// Which of 0, 1 and 2 were closed when this was first asked for; their places are taken then, so that
  /// nothing else can come to stand there.
  ///
  /// Without it, `braid receive --output disk 2>&-` would open the disk as descriptor 2 and write its
  /// messages into it. The fillers are open the wrong way round, so that using them fails.
  public static let closed: [Int32] = {
    var closed: [Int32] = []
    for descriptor in STDIN_FILENO...STDERR_FILENO where fcntl(descriptor, F_GETFD) == -1 {
      // The lowest free number is taken: those below are open by now.
      let flags = descriptor == STDIN_FILENO ? O_WRONLY : O_RDONLY
      if unsafe open("/dev/null", flags) == descriptor { closed.append(descriptor) }
    }
    return closed
  }()

  /// Before anything else is opened or said: closed streams are closed for good, and a reader that has
  /// gone is an error of writing and no signal.
  public static func prepare() {
    _ = closed
    signal(SIGPIPE, SIG_IGN)
  }
}

/// Standard output, for what a command was asked to print.
public enum StandardOutput {
  /// Writes the text at once.
  ///
  /// - Throws: `StartFailure.output` with a sentence, if not all of it can be written.
  public static func write(_ text: String) throws(StartFailure) {
    guard !WholeText.write(text, to: STDOUT_FILENO) else { return }
    let error = Errno(errno)
    throw .output(
      StandardStreams.closed.contains(STDOUT_FILENO)
        ? "standard output is closed." : "cannot write to standard output: \(error)."
    )
  }
}
