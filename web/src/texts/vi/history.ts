/** When a session's log is not what this device has seen, or not signed as it should be. */
export const history = {
  changed: 'Lịch sử phiên họp đã thay đổi so với bản máy này đã thấy, từ dòng {line}.',
  key: 'Máy chủ đang ký bằng khóa khác với khóa máy này đã ghi nhớ khi đăng nhập.',
  signature: 'Chữ ký của máy chủ trên sổ phiên họp không đúng, ở dòng {line}.',
  answer:
    'Máy chủ báo đã ghi, nhưng câu trả lời không có chữ ký đúng hoặc không có trong sổ (dòng {line}).',
  witness: 'Chữ ký chứng của cấp trên trên sổ phiên họp không đúng, ở dòng {line}.',
  why: 'Mời đồng chí báo ngay chủ trì và cấp trên. Máy này giữ lại bản đã thấy và không ký thêm.',
  whyDesk:
    'Dừng mọi biểu quyết và báo ngay cấp trên. Máy này giữ lại bản đã thấy và không ký thêm.',
} as const;
