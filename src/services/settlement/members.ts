/**
 * Membership, as payouts need it: nobody is paid who is frozen or closed.
 * @throws Problem where nobody can say
 */
export interface Members {
  statusOf(member: string): Promise<'active' | 'frozen' | 'closed' | 'unknown'>
}
