# SPDX-License-Identifier: MIT
"""chromium.py PAGE DIRECTORY: shows a page in a sandboxed Chromium without a window, and asks it.

Talks to the browser over a pipe, and to whoever started it as talker.sh says. The first
line is the browser's pid. Everything that the page answers was computed in its renderer.
"""
import hashlib
import json
import os
import subprocess
import sys
import threading

FLAGS = ['--headless', '--disable-gpu', '--disable-quic', '--no-first-run',
         '--disable-background-networking', '--disable-component-update', '--disable-sync',
         '--disable-breakpad', '--remote-debugging-pipe']


class Browser:
    """A browser at the other end of descriptors 3 (to it) and 4 (from it)."""

    def __init__(self, directory):
        to_read, self.to = os.pipe()
        self.back, back_write = os.pipe()
        # Ours go where they cannot be taken for its own 3 and 4.
        high_in, high_out = os.dup(to_read), os.dup(back_write)
        script = 'exec 3<&%d 4>&%d; exec setpriv --pdeathsig KILL chromium "$@"' % (high_in, high_out)
        self.process = subprocess.Popen(
            ['bash', '-c', script, 'chromium', *FLAGS, '--user-data-dir=' + directory, 'about:blank'],
            pass_fds=(high_in, high_out), stdin=subprocess.DEVNULL, stdout=sys.stderr)
        for descriptor in (to_read, back_write, high_in, high_out):
            os.close(descriptor)
        self.answers = {}
        self.number = 0
        self.crashed = False
        self.arrived = threading.Condition()
        threading.Thread(target=self.listen, daemon=True).start()

    def listen(self):
        with os.fdopen(self.back, 'rb') as pipe:
            rest = b''
            while piece := pipe.read1(65536):
                *messages, rest = (rest + piece).split(b'\0')
                for message in messages:
                    self.take(json.loads(message))
        self.take({'method': 'Inspector.detached'})

    def take(self, message):
        with self.arrived:
            if 'id' in message:
                self.answers[message['id']] = message
            elif message['method'] in ('Inspector.targetCrashed', 'Inspector.detached',
                                       'Target.targetCrashed'):
                self.crashed = True
            self.arrived.notify_all()

    def call(self, method, session=None, **parameters):
        with self.arrived:
            self.number += 1
            number = self.number
        message = {'id': number, 'method': method, 'params': parameters}
        if session:
            message['sessionId'] = session
        os.write(self.to, json.dumps(message).encode() + b'\0')
        with self.arrived:
            self.arrived.wait_for(lambda: number in self.answers or self.crashed, timeout=100)
            answer = self.answers.pop(number, {'error': 'no answer'})
        if 'error' in answer:
            raise RuntimeError('%s: %s' % (method, answer['error']))
        return answer['result']


class Page:
    """The page, once it is there."""

    def __init__(self, browser, url):
        self.browser = browser
        target = browser.call('Target.createTarget', url='about:blank')['targetId']
        self.session = browser.call('Target.attachToTarget', targetId=target, flatten=True)['sessionId']
        browser.call('Page.enable', self.session)
        browser.call('Page.navigate', self.session, url=url)
        self.evaluate('new Promise((done) => document.readyState === "complete" ? done() : '
                      'addEventListener("load", done))')

    def evaluate(self, expression):
        answer = self.browser.call('Runtime.evaluate', self.session, expression=expression,
                                   awaitPromise=True, returnByValue=True)
        if 'exceptionDetails' in answer:
            raise RuntimeError(json.dumps(answer['exceptionDetails']))
        return answer['result'].get('value')

    def obey(self, line):
        word, _, rest = line.partition(' ')
        if word == 'keep':
            return self.evaluate('keep(%s)' % json.dumps(rest))
        if word == 'run':
            return self.evaluate('run(%d)' % int(rest))
        if word == 'value':
            return self.evaluate('show()')
        if word == 'check':
            text = self.evaluate('check()')
            return '%s %s' % (hashlib.sha256(text.encode()).hexdigest(), self.browser.crashed)
        if word in ('busy', 'wait'):
            return self.evaluate(word + '()')
        return 'what?'


def main():
    browser = Browser(sys.argv[2])
    page = Page(browser, 'file://' + sys.argv[1])
    print(browser.process.pid, flush=True)
    for line in sys.stdin:
        print(page.obey(line.rstrip('\n')), flush=True)
    browser.call('Browser.close')
    sys.exit(browser.process.wait(timeout=60))


main()
