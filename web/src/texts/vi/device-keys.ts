/** A member's own device keys in one session. */
export const deviceKeys = {
  title: 'Khóa máy của tôi',
  why: 'Phiếu và điểm danh của đồng chí được ký bằng khóa này. Nếu thấy máy lạ, hoặc máy đã mất, mời đồng chí thu hồi: những gì đã ký trước đó vẫn có giá trị.',
  unnamed: 'Máy không tên',
  here: 'máy này',
  key: 'Khóa {key}, xác nhận lúc {time}',
  revoke: 'Thu hồi',
  revoked: 'Đã thu hồi lúc {time}',
} as const;
