/** Failures that this page sees by itself; refusals of the server come as its own sentences. */
export const errors = {
  network:
    'Chưa nối được với máy chủ. Những gì đã nhập vẫn còn; mời đồng chí kiểm tra mạng rồi thử lại.',
  slow: 'Máy chủ trả lời chậm. Mời đồng chí chờ một lát rồi thử lại.',
  server: 'Máy chủ gặp lỗi. Những gì đã gửi vẫn được giữ; mời đồng chí thử lại sau ít phút.',
  answerUnsigned:
    'Câu trả lời của máy chủ không có chữ ký đúng, nên chưa chắc việc này đã được ghi vào sổ. Mời đồng chí báo ngay chủ trì.',
  historyChanged:
    'Lịch sử phiên họp đã thay đổi so với bản máy này đã thấy, nên máy không ký. Mời đồng chí báo ngay chủ trì và cấp trên.',
  signedOut: 'Phiên đăng nhập đã hết. Mời đồng chí đăng nhập lại.',
} as const;
