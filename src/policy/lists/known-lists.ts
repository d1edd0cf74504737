/** A list of texts that no rule has to name: who is on it has no vote on cases, and what they voted before no longer counts. */
export const SUSPENDED_REVIEWERS = 'suspended-reviewers'
