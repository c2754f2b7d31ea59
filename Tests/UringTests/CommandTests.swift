// Goal: a command runs as asked, and the ring learns of its end without anybody waiting.
// Method: small shell scripts; their ends by a poll on the ring.
// A failure here means: a wrong status, a command that outlives a signal, or one that sees too much.
import Glibc
import Testing

@testable import Uring

@Suite(needsRing) struct CommandTests {
  /// The end of a command, waited for by the ring.
  private func end(_ ring: inout Ring, _ command: ChildCommand) throws -> ChildCommand.End? {
    let poll = Operation.poll(.descriptor(command.descriptor), readable: true, writable: false)
    _ = try ring.outcome(poll)
    return command.end
  }

  @Test(
    arguments: [
      ("exit 0", .exited(0)), ("exit 7", .exited(7)), ("kill -9 $$", .killed(9)),
      ("/nowhere/at/all 2>&-", .exited(127)),
    ] as [(String, ChildCommand.End)]
  )
  func `a command's end is told`(text: String, expected: ChildCommand.End) throws {
    try withRing { ring, files in
      let (_, writer) = try files.pipe()
      let command = try ChildCommand(text, .output(writer), hiding: "")
      defer { command.close() }
      #expect(try end(&ring, command) == expected)
      // The status stays: asked again, it is the same.
      #expect(command.end == expected)
    }
  }

  @Test func `a running command has no end yet, and SIGTERM ends its group`() throws {
    try withRing { ring, files in
      let (reader, writer) = try files.pipe()
      let command = try ChildCommand("echo; sleep 60 | sleep 60", .output(writer), hiding: "")
      defer { command.close() }
      files.close(writer)
      let read = Operation.read(.descriptor(reader), into: range(0, 100), at: nil)
      try #expect(ring.outcome(read) == .bytes(1))
      #expect(command.end == nil)
      command.signal(isForced: false)
      #expect(try end(&ring, command) == .killed(SIGTERM))
      // The end of the pipe: its children have gone as well.
      try #expect(ring.outcome(read) == .bytes(0))
    }
  }

  @Test func `a command that ignores SIGTERM is killed`() throws {
    try withRing { ring, files in
      let (reader, writer) = try files.pipe()
      let text = "trap '' TERM; echo; while :; do sleep 0.05; done"
      let command = try ChildCommand(text, .output(writer), hiding: "")
      defer { command.close() }
      let read = Operation.read(.descriptor(reader), into: range(0, 100), at: nil)
      try #expect(ring.outcome(read) == .bytes(1))
      command.signal(isForced: false)
      command.signal(isForced: true)
      #expect(try end(&ring, command) == .killed(SIGKILL))
    }
  }

  @Test(arguments: [("HOME", ""), ("HOM", "x")])
  func `a command has a group, its input and no hidden variable`(
    hidden: String,
    expected: String
  ) throws {
    unsafe setenv("HOME", "/", 0)
    try withRing { ring, files in
      let pipe = try Pipe.open()
      let reader = files.keep(pipe.reading)
      let text = """
        read line; [ "$line" = "" ] && [ "${HOME+x}" = "\(expected)" ] &&
        [ "$(cut -d ' ' -f 5 /proc/$$/stat)" = $$ ]
        """
      let command = try ChildCommand(text, .input(reader), hiding: hidden)
      defer { command.close() }
      #expect(command.end == nil)
      // The only end that can be written to: the command holds none.
      _ = Glibc.close(pipe.writing)
      #expect(try end(&ring, command) == .exited(0))
    }
  }
}
