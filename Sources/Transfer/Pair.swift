/// The two sessions of a run that measures both directions at once, as a whole: when the first
/// may go on, and that none outlives the other's failure.
///
/// The owner begins the second by `Session.partnerOptions`, asks after each turn with both sessions as
/// they are then, and tells them what comes out.
public struct Pair {
  /// Why the run has failed: the first failure ends both.
  public private(set) var failure: Outcome?

  /// No failure yet.
  public init() {}

  /// What each of the sessions is to be told now.
  public mutating func events(
    first: borrowing Session,
    partner: borrowing Session
  ) -> (first: Event?, partner: Event?) {
    let outcomes = [first.outcome, partner.outcome].compactMap(\.self)
    failure = failure ?? outcomes.first { $0 != .complete }
    var reason = failure
    // Who listens lets nobody in any more when the first session is over.
    if first.outcome != nil, isMissing(partner) { reason = reason ?? .peerGone }
    if let reason {
      return (
        first.outcome == nil ? .partnerEnded(reason) : nil,
        partner.outcome == nil ? .partnerEnded(reason) : nil
      )
    }
    return (first.awaitsPartner && partner.hasTakenFrame ? .partnerBegan : nil, nil)
  }

  /// What is reported of a session that is over; nil of a direction that was announced and never came.
  public func result(of session: borrowing Session) -> Outcome? {
    isMissing(session) ? nil : failure ?? session.outcome ?? .complete
  }

  private func isMissing(_ session: borrowing Session) -> Bool {
    session.options.opening == .handedOver && session.statistics.joinedCount == 0
  }
}
