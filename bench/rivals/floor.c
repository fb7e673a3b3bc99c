/* The least that any server can do for a room: the physical limit to compare with.
 *
 *   cc -O2 -o floor floor.c && ./floor PORT
 *
 * One thread, epoll. Every type-2 frame goes to every connection with one send() each. No rooms, no auth, no queues:
 * a member that does not read loses data. It exists to be measured, not to be used.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#define HEADER_BYTES 16
#define BROADCAST 2

static int members[1 << 18], count;

static unsigned get32(const unsigned char *p) { return (unsigned)p[0] << 24 | p[1] << 16 | p[2] << 8 | p[3]; }

static void forget(int fd) {
  for (int i = 0; i < count; i++)
    if (members[i] == fd) { members[i] = members[--count]; return; }
}

static void broadcast(const unsigned char *frame, int length) {
  for (int i = 0; i < count; i++) send(members[i], frame, length, MSG_NOSIGNAL);
}

static void handle(const unsigned char *bytes, int length) {
  for (int at = 0; at + HEADER_BYTES <= length;) {
    int frame = HEADER_BYTES + get32(bytes + at + 12);
    if (at + frame > length) break;
    if (get32(bytes + at + 8) == BROADCAST) broadcast(bytes + at, frame);
    at += frame;
  }
}

int main(int argc, char **argv) {
  if (argc != 2) return 2;
  int one = 1, listener = socket(AF_INET, SOCK_STREAM, 0), ep = epoll_create1(0);
  struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons(atoi(argv[1])), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  struct epoll_event want = {.events = EPOLLIN, .data.fd = listener};
  static struct epoll_event ready[1024];
  static unsigned char buffer[1 << 20];
  setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
  if (bind(listener, (void *)&at, sizeof at) || listen(listener, 4096)) return 1;
  epoll_ctl(ep, EPOLL_CTL_ADD, listener, &want);
  for (;;) {
    int k = epoll_wait(ep, ready, 1024, -1);
    for (int i = 0; i < k; i++) {
      int fd = ready[i].data.fd;
      if (fd == listener) {
        fd = accept4(listener, 0, 0, SOCK_NONBLOCK);
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
        want.data.fd = members[count++] = fd;
        epoll_ctl(ep, EPOLL_CTL_ADD, fd, &want);
        continue;
      }
      int n = read(fd, buffer, sizeof buffer);
      if (n > 0) handle(buffer, n);
      else { close(fd); forget(fd); }
    }
  }
}
