/** The vote sheet and its receipt. */
export const vote = {
  approve: 'Tán thành',
  disapprove: 'Không tán thành',
  abstain: 'Không có ý kiến',
} as const;
