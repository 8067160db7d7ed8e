#!/usr/bin/ruby
# frozen_string_literal: true

# Sends the recordings of this BigBlueButton server (@SERVER@) to its pool, @POOL@.
#
# Put this file here:    /usr/local/bigbluebutton/core/scripts/post_publish/bbbpool.rb
# It holds a token, so:  chown bigbluebutton:bigbluebutton bbbpool.rb && chmod 0700 bbbpool.rb
# Nothing else is needed. BigBlueButton runs it whenever it has published a format of a recording.
#
# What could not be sent in an hour is sent along with a later recording. To send it sooner, and to send what was
# recorded before this file was here, let cron run it, too; /etc/cron.d/bbbpool:
#
#   */15 * * * * bigbluebutton /usr/bin/ruby /usr/local/bigbluebutton/core/scripts/post_publish/bbbpool.rb --all
#
# Try it by hand:        sudo -u bigbluebutton ruby bbbpool.rb --all
#
# It needs no root, and deletes no recording. A recording that the pool has is marked by a file in
# /var/bigbluebutton/recording/status/published, ID-bbbpool.done, and one that waits by ID-bbbpool.retry.
# If the server gets another secret in the pool, it needs a new script.

require 'digest'
require 'fileutils'
require 'json'
require 'net/http'
require 'openssl'
require 'optparse'
require 'tempfile'
require 'uri'
require 'yaml'

POOL   = '@POOL@'
SERVER = '@SERVER@'
TOKEN  = '@TOKEN@' # sends recordings in the name of this server, and opens nothing else

PAUSE   = Float(ENV.fetch('BBBPOOL_PAUSE', 5))      # seconds before the second try; it grows up to sixty times that
GIVE_UP = Float(ENV.fetch('BBBPOOL_GIVE_UP', 3600)) # seconds without any progress
SMALL   = 512 * 1024                                # bytes at once through a proxy that lets no more through

# Later is what may go well another time.
class Later < StandardError
  attr_reader :after

  def initialize(message, after = 0)
    super(message)
    @after = after
  end
end

# Refused is what will not go well as it is.
class Refused < StandardError; end

# LockedOut is what no recording gets past.
class LockedOut < StandardError; end

# What a network does to a connection.
BROKEN = [SystemCallError, SocketError, IOError, Timeout::Error, OpenSSL::SSL::SSLError, Net::ProtocolError,
          Net::HTTPBadResponse, Net::HTTPHeaderSyntaxError].freeze

# Settings are the directories of BigBlueButton.
module Settings
  FILES = ['/usr/local/bigbluebutton/core/scripts/bigbluebutton.yml',
           '/etc/bigbluebutton/recording/recording.yml'].freeze # the later one wins

  def self.read
    FILES.select { |file| File.readable?(file) }.reduce({}) do |all, file|
      all.merge(YAML.safe_load(File.read(file), permitted_classes: [Symbol], aliases: true) || {})
    end
  rescue Psych::Exception, SystemCallError => e
    warn "bbbpool: settings of BigBlueButton: #{e.message}; going by its defaults"
    {}
  end

  ALL = read
  PUBLISHED = ENV['BBBPOOL_PUBLISHED_DIR'] || ALL['published_dir'] || '/var/bigbluebutton/published'
  RECORDING = ENV['BBBPOOL_RECORDING_DIR'] || ALL['recording_dir'] || '/var/bigbluebutton/recording'
  MARKS = File.join(RECORDING, 'status', 'published')

  # Where archives are packed: on the disk of the recordings, which has room for them.
  def self.work
    dir = ENV['BBBPOOL_WORK_DIR'] || File.join(RECORDING, 'bbbpool')
    FileUtils.mkdir_p(dir, mode: 0o700)
    dir
  end
end

# Recording is what BigBlueButton has published of one.
class Recording
  ID = /\A[A-Za-z0-9][A-Za-z0-9._-]{0,190}\z/.freeze
  FORMAT = /\A[a-z0-9_][a-z0-9_-]*\z/.freeze

  attr_reader :id

  def self.all
    Dir.glob('*/*/metadata.xml', base: Settings::PUBLISHED)
       .map { |path| path.scrub.split('/')[1] }.grep(ID).uniq.sort.map { |id| new(id) }
  end

  # waiting are those that were given up on.
  def self.waiting
    Dir.glob('*-bbbpool.retry', base: Settings::MARKS)
       .map { |path| path.scrub.delete_suffix('-bbbpool.retry') }.grep(ID).sort.map { |id| new(id) }
  end

  def initialize(id)
    raise Refused, "#{id.inspect} is no ID of a recording" unless ID.match?(id)

    @id = id
  end

  def name
    "#{id}.tar"
  end

  def formats
    Dir.glob("*/#{id}/metadata.xml", base: Settings::PUBLISHED)
       .map { |path| path.scrub.split('/').first }.grep(FORMAT).sort
  end

  # sent? tells whether the pool has all that is published now. An empty mark, put there by hand, stands for everything.
  def sent?
    at = File.mtime(mark('done'))
    known = File.read(mark('done')).scan(/^format: (\S+)$/).flatten
    formats.all? do |format|
      (known.empty? || known.include?(format)) &&
        File.mtime(File.join(Settings::PUBLISHED, format, id, 'metadata.xml')) <= at
    end
  rescue Errno::ENOENT
    false
  end

  # sent notes that the pool has what was published at a time.
  def sent(formats, digest, at)
    text = "Sent #{id} to #{POOL}\nsha256: #{digest}\n#{formats.map { |format| "format: #{format}\n" }.join}"
    temp = "#{mark('done')}.new"
    FileUtils.mkdir_p(Settings::MARKS)
    File.write(temp, text)
    File.utime(at, at, temp)
    File.rename(temp, mark('done'))
    FileUtils.rm_f(mark('retry'))
  end

  def wait
    FileUtils.mkdir_p(Settings::MARKS)
    FileUtils.touch(mark('retry'))
  rescue SystemCallError => e
    warn "bbbpool: #{id}: cannot note that it waits: #{e.message}"
  end

  def forget
    FileUtils.rm_f(mark('retry'))
  end

  # pack writes an archive into a file that has no name any more, so that it goes with this process. The same files make
  # the same bytes, and what the pool has of them already counts.
  def pack(formats)
    file = Tempfile.create("#{id}-", Settings.work, mode: File::BINARY)
    File.unlink(file.path)
    packed = system({ 'TAR_OPTIONS' => nil }, 'tar', '--create', '--file=-', '--format=gnu', '--sort=name',
                    '--owner=0', '--group=0', '--numeric-owner', "--directory=#{Settings::PUBLISHED}", '--',
                    *formats.map { |format| "#{format}/#{id}" }, out: file)
    raise Refused, "tar could not pack #{formats.join(', ')}: its error is above" unless packed

    file
  end

  private

  def mark(kind)
    File.join(Settings::MARKS, "#{id}-bbbpool.#{kind}")
  end
end

# Piece is some bytes of a file, for Net::HTTP to read.
class Piece
  def initialize(file, offset, length)
    @file = file
    @left = length
    @file.seek(offset)
  end

  def read(length = nil, buffer = nil)
    data = @left.zero? ? nil : @file.read([length || @left, @left].min)
    @left -= data.bytesize if data
    buffer&.replace(data || '')
    data
  end
end

# Sender brings one archive to the pool.
class Sender
  attr_reader :digest

  def initialize(name, file)
    @file = file
    @size = file.size
    @digest = sum
    @query = { name: name, length: @size, sha256: @digest }
    @piece = @size # bytes in one request
    @furthest = -1
  end

  # deliver returns the state of the import when the pool has the archive.
  def deliver
    loop do
      return step['state']
    rescue Later, *BROKEN => e
      pause(e)
    end
  end

  private

  def sum
    digest = Digest::SHA256.new
    @file.rewind
    while (data = @file.read(1 << 20))
      digest << data
    end
    digest.hexdigest
  end

  # step asks what the pool has, and sends the rest.
  def step
    connect do |http|
      answer = call(http, Net::HTTP::Get.new(uri('/api/v1/recordings/upload')))
      raise Later, 'another connection sends it already' if answer['state'] == 'uploading'

      until answer['complete']
        advance(answer['offset'])
        answer = post(http, answer['offset'])
      end
      answer
    end
  end

  # advance gives new time for new bytes. Where the last request from here has brought nothing, the next one is smaller:
  # there are proxies that let only so much through.
  def advance(offset)
    raise LockedOut, "#{POOL} makes no sense: it has #{offset} of #{@size} bytes" unless (0..@size).cover?(offset)

    if offset > @furthest
      @furthest = offset
      @deadline = nil
    end
    @piece = [@piece / 16, SMALL].max if offset == @from
    @from = offset
  end

  def post(http, offset)
    length = [@piece, @size - offset].min
    request = Net::HTTP::Post.new(uri('/api/v1/recordings', offset: offset))
    request['Content-Type'] = 'application/x-tar'
    request.content_length = length
    request.body_stream = Piece.new(@file, offset, length)
    call(http, request)
  end

  def uri(path, more = {})
    URI("#{POOL}#{path}?#{URI.encode_www_form(@query.merge(more))}")
  end

  def connect(&block)
    pool = URI(POOL)
    Net::HTTP.start(pool.hostname, pool.port,
                    use_ssl: pool.scheme == 'https', verify_mode: OpenSSL::SSL::VERIFY_PEER, max_retries: 0,
                    open_timeout: 30, read_timeout: 180, write_timeout: 120, &block)
  end

  def call(http, request)
    request['Authorization'] = "Bearer #{TOKEN}"
    response = http.request(request)
    answer = parse(response.body)
    return answer if response.is_a?(Net::HTTPSuccess) && answer['offset'].is_a?(Integer)

    raise failure(response, answer)
  end

  def parse(body)
    answer = JSON.parse(body.to_s)
    answer.is_a?(Hash) ? answer : {}
  rescue JSON::ParserError
    {}
  end

  def failure(response, answer)
    code = response.code.to_i
    said = "#{answer['error'] || 'something other than the pool answers'} (HTTP #{code})"
    return Later.new(said, response['Retry-After'].to_i) if later?(code, answer)
    return LockedOut.new("#{said}. On the pool, `bbbpool server script #{SERVER}` makes a new one") if code == 401
    return Refused.new(said) if answer['code']

    LockedOut.new("#{said}: is #{POOL} still the pool's URL, and not one that redirects?")
  end

  def later?(code, answer)
    [408, 409, 422, 423, 429].include?(code) || code >= 500 || answer['code'] == 'broken' ||
      (code == 413 && !answer['code'])
  end

  # pause waits before another try, longer each time, or gives up.
  def pause(error)
    now = Process.clock_gettime(Process::CLOCK_MONOTONIC)
    unless @deadline
      @deadline = now + GIVE_UP
      @pause = PAUSE
    end
    raise Later, "given up for now: #{error.message}" if now >= @deadline

    wait = [[@pause, error.is_a?(Later) ? error.after : 0].max, PAUSE * 60].min * rand(0.75..1.25)
    warn format('bbbpool: %s: %s; trying again in %.1f s', @query[:name], error.message, wait)
    sleep(wait)
    @pause *= 2
  end
end

# transmit sends one recording with all its formats.
def transmit(recording)
  at = Time.now # what changes from now on is sent again
  formats = recording.formats
  raise Refused, "nothing of it is published in #{Settings::PUBLISHED}" if formats.empty?

  file = recording.pack(formats)
  sender = Sender.new(recording.name, file)
  state = sender.deliver
  recording.sent(formats, sender.digest, at)
  puts "bbbpool: #{recording.id}: sent #{formats.join(', ')}, #{file.size} bytes; its import is #{state}"
ensure
  file&.close
end

# attempt tells whether a recording was sent, and leaves a note if not.
def attempt(recording)
  transmit(recording)
  true
rescue Refused, Later, LockedOut, SystemCallError => e
  warn "bbbpool: #{recording.id}: not sent: #{e.message}"
  recording.formats.empty? ? recording.forget : recording.wait
  raise if e.is_a?(Later) || e.is_a?(LockedOut)

  false
end

# attempt_each goes on to the next recording unless that would fare no better.
def attempt_each(recordings)
  recordings.map { |recording| attempt(recording) }.all?
rescue Later, LockedOut
  false
end

# send_all sends what the pool does not have, unless another process is at that.
def send_all
  File.open(File.join(Settings.work, 'all.lock'), File::RDWR | File::CREAT, 0o600) do |lock|
    unless lock.flock(File::LOCK_EX | File::LOCK_NB)
      puts 'bbbpool: another --all is under way'
      return true
    end
    recordings = Recording.all.reject(&:sent?)
    puts "bbbpool: #{recordings.size} recordings to send"
    attempt_each(recordings)
  end
end

def main(arguments)
  id = nil
  all = false
  OptionParser.new do |options|
    options.banner = 'usage: bbbpool.rb --meeting-id ID | --all'
    options.on('-m', '--meeting-id ID', 'send this recording with all its formats') { |value| id = value }
    options.on('-f', '--format FORMAT', 'is ignored') { |_| nil }
    options.on('--all', 'send every published recording that the pool does not have') { all = true }
  end.parse!(arguments)
  raise OptionParser::MissingArgument, '--meeting-id or --all' unless id || all
  return send_all if all

  sent = attempt_each([Recording.new(id)])
  attempt_each(Recording.waiting) if sent
  sent
rescue OptionParser::ParseError, Refused, SystemCallError => e
  warn "bbbpool: #{e.message}"
  false
end

$stdout.sync = true
exit(main(ARGV))
