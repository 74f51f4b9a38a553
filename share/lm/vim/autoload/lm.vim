" Completes at the cursor through lm-fim --jsonl, which stays loaded. A new request replaces the one that is on its way, and an
" answer for any other place than the cursor's is dropped. Vim and Neovim differ only in jobs and in ghost text.

let s:nvim = has('nvim')
let s:can_ghost = s:nvim ? exists('*nvim_buf_set_extmark') : has('patch-9.0.0185') && has('textprop')
let s:job = 0           " Vim's job, or Neovim's number
let s:running = 0
let s:answered = 0      " this process has answered at least once
let s:failed = 0        " the last process ended without an answer: only a request by hand starts another
let s:last_id = 0
let s:in_flight = {}    " {id, place, auto} of the newest request, which has no answer yet
let s:ghost = {}        " {place, middle} of what is shown
let s:timer = -1
let s:partial = ''      " Neovim: the beginning of an answer
let s:complaint = ''    " the last line of lm-fim's standard error
let s:told = {}
let s:note_buffer = 0   " Neovim: the buffer that shows a message behind a line

function! s:setting(name, default) abort
  return get(b:, 'lm_fim_' . a:name, get(g:, 'lm_fim_' . a:name, a:default))
endfunction

" Shows each message once, so that a broken model does not get in the way of typing.
function! s:tell_once(message) abort
  if has_key(s:told, a:message)
    return
  endif
  let s:told[a:message] = 1
  echohl WarningMsg
  echomsg 'lm-fim: ' . a:message
  echohl None
  " In insert mode '-- INSERT --' is drawn at once over the message of a callback.
  if &showmode && mode() ==# 'i' && exists('*popup_notification')
    call popup_notification('lm-fim: ' . a:message, {'highlight': 'WarningMsg'})
  elseif &showmode && mode() ==# 'i' && s:nvim && s:can_ghost
    let s:note_buffer = bufnr('%')
    call nvim_buf_set_extmark(0, nvim_create_namespace('lm_note'), line('.') - 1, 0,
          \ {'virt_text': [['  lm-fim: ' . a:message, 'WarningMsg']]})
  endif
endfunction

" Returns where and in which text the cursor is: an answer is right only for this.
function! s:place() abort
  return [bufnr('%'), b:changedtick, line('.'), col('.')]
endfunction

function! s:use_ghost() abort
  return s:can_ghost && s:setting('ghost', 1)
endfunction

" ---- the process

function! s:start() abort
  let model = s:setting('model', '')
  if model ==# ''
    call s:tell_once('no model: let g:lm_fim_model = "FILE"')
    return 0
  endif
  let command = s:setting('command', 'lm-fim')
  let command = (type(command) == type([]) ? copy(command) : [command]) + [expand(model), '--jsonl']
  if !executable(command[0])
    call s:tell_once("no program '" . command[0] . "': let g:lm_fim_command = 'PROGRAM'")
    return 0
  endif
  let [s:partial, s:complaint, s:answered, s:in_flight] = ['', '', 0, {}]
  if s:nvim
    let s:job = jobstart(command, {'on_stdout': function('s:on_output'), 'on_stderr': function('s:on_errors'),
          \ 'on_exit': function('s:on_end')})
    let s:running = s:job > 0
  else
    let s:job = job_start(command, {'in_mode': 'raw', 'out_mode': 'nl', 'err_mode': 'nl', 'noblock': 1,
          \ 'out_cb': {_, line -> s:on_line(line)}, 'err_cb': {_, line -> s:on_complaint(line)},
          \ 'exit_cb': function('s:on_end')})
    let s:running = job_status(s:job) ==# 'run'
  endif
  return s:running
endfunction

function! s:write(text) abort
  if s:nvim
    call chansend(s:job, a:text)
  else
    call ch_sendraw(s:job, a:text)
  endif
endfunction

" Neovim passes pieces: the first continues the unfinished line of the last call.
function! s:on_output(job, pieces, event) abort
  if a:job isnot s:job
    return
  endif
  let lines = copy(a:pieces)
  let lines[0] = s:partial . lines[0]
  let s:partial = remove(lines, -1)
  for line in lines
    call s:on_line(line)
  endfor
endfunction

function! s:on_errors(job, pieces, event) abort
  for line in a:pieces
    call s:on_complaint(line)
  endfor
endfunction

function! s:on_complaint(line) abort
  if a:line !=# ''
    let s:complaint = substitute(a:line, '^lm-fim: ', '', '')
  endif
endfunction

" job: the one that ended; after lm#stop() it may no longer be ours.
function! s:on_end(job, status, ...) abort
  if a:job isnot s:job
    return
  endif
  let asked = !empty(s:in_flight)
  let [s:running, s:in_flight] = [0, {}]
  let s:failed = !s:answered
  if asked || a:status != 0
    call s:tell_once(s:complaint !=# '' ? s:complaint : 'ended with exit code ' . a:status)
  endif
endfunction

function! lm#stop() abort
  call lm#dismiss()
  if s:running
    let job = s:job
    let [s:job, s:running, s:in_flight] = [0, 0, {}]
    if s:nvim
      call jobstop(job)
    else
      call job_stop(job)
    endif
  endif
  let [s:failed, s:told] = [0, {}]
endfunction

" ---- requests and answers

" Returns the text around the cursor. The first line moves in steps, so that lm-fim can reuse what it has read of the prefix.
function! s:text_around() abort
  let [line, col, reach] = [line('.'), col('.'), s:setting('lines', 200)]
  let first = max([0, line - reach]) / 50 * 50 + 1
  let text = getline(line)
  let before = getline(first, line - 1) + [strpart(text, 0, col - 1)]
  let after = [strpart(text, col - 1)] + getline(line + 1, line + reach)
  return {'prefix': join(before, "\n"), 'suffix': join(after, "\n") . "\n"}
endfunction

function! s:send(request) abort
  let message = extend({'id': a:request.id, 'n': s:setting('tokens', 64)}, a:request.text)
  if s:setting('single_line', 0)
    let message.single_line = v:true
  endif
  if !empty(s:in_flight)
    let message.replaces = s:in_flight.id
  endif
  try
    call s:write(json_encode(message) . "\n")
    let s:in_flight = a:request
  catch
    call s:tell_once('cannot send: ' . v:exception)
  endtry
endfunction

function! s:ask(auto) abort
  call s:clear()
  if a:auto && s:failed || !s:running && !s:start()
    return
  endif
  let s:last_id += 1
  let request = {'id': s:last_id, 'place': s:place(), 'auto': a:auto, 'text': s:text_around()}
  call s:send(request)
endfunction

function! s:on_line(line) abort
  try
    let answer = json_decode(a:line)
  catch
    let answer = 0
  endtry
  if type(answer) != type({})
    call s:tell_once('not JSON: ' . strpart(a:line, 0, 100))
    return
  endif
  let [s:answered, s:failed] = [1, 0]
  " An answer to a request that was replaced is for another id. An error about a line that lm-fim could not read has none.
  let id = get(answer, 'id', v:null)
  if empty(s:in_flight) || type(id) == type(0) && id != s:in_flight.id
    return
  endif
  let [request, s:in_flight] = [s:in_flight, {}]
  if has_key(answer, 'error')
    call s:tell_once(type(answer.error) == type('') ? answer.error : json_encode(answer.error))
  elseif type(get(answer, 'middle', 0)) == type('') && answer.middle !=# ''
    call s:offer(request, answer.middle)
  endif
endfunction

" ---- what is shown

function! s:offer(request, middle) abort
  if mode() !~# '^[iR]' || a:request.place != s:place()
    return
  endif
  if s:use_ghost()
    let s:ghost = {'place': a:request.place, 'middle': a:middle}
    call s:draw(split(a:middle, "\n", 1))
  elseif !a:request.auto
    call s:insert(a:middle)
  endif
endfunction

" Replaces tabs by spaces, as wide as the tab would be: Vim's virtual text shows a tab as ^I.
function! s:expand_tabs(text, column) abort
  let shown = ''
  for piece in split(a:text, "\t\\zs")
    let shown .= substitute(piece, "\t$", '', '')
    if piece[-1:] ==# "\t"
      let shown .= repeat(' ', &tabstop - (a:column + strdisplaywidth(shown)) % &tabstop)
    endif
  endfor
  return shown
endfunction

function! s:draw(lines) abort
  let [line, col] = [line('.'), col('.')]
  let first = s:expand_tabs(a:lines[0], virtcol('.') - 1)
  let below = map(a:lines[1:], {_, text -> s:expand_tabs(text, 0)})
  if !s:nvim
    if empty(prop_type_get('LmGhost'))
      call prop_type_add('LmGhost', {'highlight': 'LmGhost'})
    endif
    if first !=# ''
      call prop_add(line, col, {'type': 'LmGhost', 'text': first})
    endif
    for text in below
      call prop_add(line, 0, {'type': 'LmGhost', 'text_align': 'below', 'text': text ==# '' ? ' ' : text})
    endfor
    return
  endif
  let options = {'virt_text': [[first, 'LmGhost']], 'hl_mode': 'combine', 'virt_text_pos': 'inline'}
  if !has('nvim-0.10')
    " Text cannot be put between other text: the rest of the line is drawn over itself, moved to the right.
    let options.virt_text_pos = 'overlay'
    let width = virtcol('.') - 1 + strdisplaywidth(first)
    call add(options.virt_text, [s:expand_tabs(strpart(getline(line), col - 1), width), 'Normal'])
  endif
  if !empty(below)
    let options.virt_lines = map(below, {_, text -> [[text, 'LmGhost']]})
  endif
  call nvim_buf_set_extmark(0, nvim_create_namespace('lm'), line - 1, col - 1, options)
endfunction

function! s:clear() abort
  if s:note_buffer && bufexists(s:note_buffer)
    call nvim_buf_clear_namespace(s:note_buffer, nvim_create_namespace('lm_note'), 0, -1)
    let s:note_buffer = 0
  endif
  if empty(s:ghost)
    return
  endif
  let buffer = s:ghost.place[0]
  let s:ghost = {}
  if !bufexists(buffer)
    return
  elseif s:nvim
    call nvim_buf_clear_namespace(buffer, nvim_create_namespace('lm'), 0, -1)
  else
    call prop_remove({'type': 'LmGhost', 'bufnr': buffer, 'all': 1})
  endif
endfunction

" ---- what the mappings and events call

function! lm#visible() abort
  return !empty(s:ghost) && s:ghost.place == s:place()
endfunction

function! lm#complete() abort
  call s:ask(0)
  return ''
endfunction

" Returns what the accepting key types: the text that is shown, else what the key usually types.
function! lm#accept(otherwise) abort
  return lm#visible() ? "\<C-R>=lm#insert()\<CR>" : a:otherwise
endfunction

function! lm#insert() abort
  let middle = get(s:ghost, 'middle', '')
  call s:clear()
  if middle !=# ''
    call s:insert(middle)
  endif
  return ''
endfunction

" Inserts the text as it is, whatever 'autoindent' and 'textwidth' say, and puts the cursor behind it.
function! s:insert(middle) abort
  let lines = split(a:middle, "\n", 1)
  let [line, text] = [line('.'), getline('.')]
  let rest = strpart(text, col('.') - 1)
  let lines[0] = strpart(text, 0, col('.') - 1) . lines[0]
  let column = strlen(lines[-1]) + 1
  let lines[-1] .= rest
  call setline(line, lines[0])
  call append(line, lines[1:])
  call cursor(line + len(lines) - 1, column)
endfunction

" Withdraws what is shown or was asked.
function! lm#dismiss() abort
  call timer_stop(s:timer)
  call s:clear()
  if !empty(s:in_flight)
    let s:in_flight.place = []
  endif
  return ''
endfunction

function! lm#changed() abort
  if lm#visible()
    return
  endif
  call s:clear()
  call timer_stop(s:timer)
  if s:setting('auto', 0) && &buftype ==# '' && s:use_ghost()
    let s:timer = timer_start(s:setting('delay', 300), {-> s:ask_after_pause()})
  endif
endfunction

function! s:ask_after_pause() abort
  if mode() ==# 'i' && !pumvisible() && !lm#visible()
    call s:ask(1)
  endif
endfunction
